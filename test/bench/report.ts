/** docs/performance.md. */

export interface Result {
  readonly what: string;
  /** Ours over theirs. */
  readonly ratio: number;
  /** What it must not exceed. */
  readonly limit: number;
  readonly met: boolean;
}

/** Written by people, who have seen more than one run; kept. */
const remarks = /^## Between runs$[^]*?(?=^## |(?![^]))/m;

/**
 * The page; ratios only, since absolute times say more about the machine than about us.
 * @param old the page as it is
 */
export function formatReport(
  speeds: readonly Result[],
  sizes: readonly Result[],
  against: string,
  old: string,
): string {
  const row = ({ what, ratio, limit, met }: Result): string =>
    `| ${what} | ${ratio.toFixed(3)} | ${limit} | ${met ? 'yes' : '**no**'} |`;
  return `# Performance

Measured by \`npm run bench\` on a booted host against the daemon of ${against}, the two taking turns in the same run. Figures are
ratios of medians, ours over systemd's (below 1 we are faster), with the limit we hold ourselves to. Calls on one image are measured after
a thousand that do not count (states after two thousand), changes after twenty: a daemon that has just started runs JavaScript that is not compiled yet, and takes two to three times as long.

| what | ratio | limit | met |
| --- | --- | --- | --- |
${speeds.map(row).join('\n')}

| size | ratio | limit | met |
| --- | --- | --- | --- |
${sizes.map(row).join('\n')}

${remarks.exec(old)?.[0] ?? ''}`;
}
