/**
 * Dates and times of directory entries: local time of whoever wrote them, which the kernel takes for UTC where nobody has
 * told it otherwise. Microsoft, "FAT: General Overview of On-Disk Format", "Date and Time Formats".
 */

const firstYear = 1980;

/** Seconds since the epoch. A month or day of 0, as some write who have no clock, counts as the first. */
export function fatTime(date: number, time: number): bigint {
  const year = firstYear + (date >>> 9);
  const month = Math.max(1, (date >>> 5) & 15);
  const day = Math.max(1, date & 31);
  const ms = Date.UTC(year, month - 1, day, time >>> 11, (time >>> 5) & 63, (time & 31) * 2);
  return BigInt(ms / 1000);
}
