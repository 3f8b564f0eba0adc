/** The part of docs/performance.md that is about inspecting images. */
import type { DissectResults } from './dissect-speeds.ts';
import type { Result } from './report.ts';

const heading = '## Inspecting images';

/** The page with this part in place of the one that it has, if any; all else stays. */
export function withInspections(page: string, results: DissectResults): string {
  const [before = '', old] = page.split(new RegExp(`^${heading}$`, 'm'));
  const after = old === undefined ? -1 : old.search(/^## /m);
  const rest = old === undefined || after === -1 ? '' : `\n${old.slice(after)}`;
  return `${before.trimEnd()}\n\n${formatInspections(results)}${rest}`;
}

function formatInspections({ speeds, sizes, bytesRead }: DissectResults): string {
  const bytes = [...bytesRead].map(([what, { image, read }]) => `| ${what} | ${image} | ${read} |`);
  return `${heading}

Images of every kind that the host's kernel mounts, inspected by systemd's daemon, which mounts them, and by ours
(\`npm run bench -- --only inspection\`).

| what | ratio | limit | met |
| --- | --- | --- | --- |
${speeds.map(row).join('\n')}

A squashfs of 1 GB against one of 10 MB with the same files but one, both inspected by ours:

| what | ratio | limit | met |
| --- | --- | --- | --- |
${sizes.map(row).join('\n')}

Bytes of the image that are read for what it is, its os-release and a unit:

| image | bytes | read |
| --- | --- | --- |
${bytes.join('\n')}
`;
}

function row({ what, ratio, limit, met }: Result): string {
  return `| ${what} | ${ratio.toFixed(3)} | ${limit} | ${met ? 'yes' : '**no**'} |`;
}
