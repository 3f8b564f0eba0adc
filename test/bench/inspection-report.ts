/** The part of docs/performance.md that is about inspecting images. */
import type { DissectResults } from './dissect-speeds.ts';

export const inspectionHeading = '## Inspecting images';

export function formatInspections({ speeds, bytesRead }: DissectResults): string {
  const rows = speeds.map(({ what, ratio, limit, met }) => {
    return `| ${what} | ${ratio.toFixed(3)} | ${limit} | ${met ? 'yes' : '**no**'} |`;
  });
  const sizes = [...bytesRead].map(([what, { image, read }]) => `| ${what} | ${image} | ${read} |`);
  return `${inspectionHeading}

Images of every kind that the host's kernel mounts, inspected by systemd's daemon, which mounts them, and by ours
(\`npm run bench -- --only inspection\`).

| what | ratio | limit | met |
| --- | --- | --- | --- |
${rows.join('\n')}

Bytes of the image that are read for what it is, its os-release and a unit:

| image | bytes | read |
| --- | --- | --- |
${sizes.join('\n')}
`;
}
