/** Points in time as systemd's tools print them: systemd.time(7), "Parsing Timestamps". */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { errnoOf } from '../base/errors.ts';
import { zoneName } from './time-zone.ts';

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const zones = '/usr/share/zoneinfo';

/**
 * Prints times of the zone that a variable TZ names (that of the process, for which JavaScript reckons), by default
 * the machine's. @returns "Sat 2026-11-21 13:31:43 UTC" for µs since the epoch
 */
export function timestampFormat(tz: string | undefined): (microseconds: bigint) => string {
  let zone: Buffer | undefined | null = null;
  const nameOf = (offset: number): string => {
    if (zone === null) zone = readZone(tz);
    const name = zone === undefined ? undefined : zoneName(zone, offset);
    return name ?? (offset === 0 ? 'UTC' : numeric(offset));
  };
  return (microseconds) => {
    const date = new Date(Number(microseconds / 1000n));
    const two = (number: number): string => String(number).padStart(2, '0');
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
    return `${weekdays[date.getDay()] ?? ''} ${day} ${time} ${nameOf(date.getTimezoneOffset() * -60)}`;
  };
}

/** The zone's file; undefined where there is none, or where it could be anywhere. */
function readZone(tz: string | undefined): Buffer | undefined {
  const name = tz?.replace(/^:/, '');
  if (name !== undefined && !/^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*$/.test(name)) return undefined;
  try {
    return readFileSync(name === undefined ? '/etc/localtime' : join(zones, name));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

/** "+0530" */
function numeric(offset: number): string {
  const minutes = Math.abs(offset) / 60;
  const two = (number: number): string => String(Math.floor(number)).padStart(2, '0');
  return `${offset < 0 ? '-' : '+'}${two(minutes / 60)}${two(minutes % 60)}`;
}
