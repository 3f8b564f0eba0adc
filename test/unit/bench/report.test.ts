import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { formatReport, type Result } from '../../bench/report.ts';

const speeds: readonly Result[] = [{ what: 'ListImages', ratio: 0.5, limit: 0.4, met: false }];
const sizes: readonly Result[] = [{ what: 'Memory', ratio: 1.2, limit: 1.5, met: true }];

describe('docs/performance.md', () => {
  it('has every figure of the run and none of the old', () => {
    const old = '# Performance\n\n| Gone | 1 | 1 | yes |\n\n## Inspecting images\n\nMore.\n';
    const page = formatReport(speeds, sizes, 'systemd 257', old);
    assert.match(page, /^\| ListImages \| 0\.500 \| 0\.4 \| \*\*no\*\* \|$/m);
    assert.match(page, /^\| Memory \| 1\.200 \| 1\.5 \| yes \|$/m);
    assert.doesNotMatch(page, /Gone|More/);
  });

  it('keeps what people have written of other runs', () => {
    const remarks = '## Between runs\n\nText.\n\nMore text.\n\n';
    for (const old of [
      `# Performance\n\n${remarks}## Inspecting images\n\nImages.\n`,
      `Tables.\n\n${remarks}`,
    ]) {
      assert.ok(formatReport(speeds, sizes, 'systemd 257', old).endsWith(`yes |\n\n${remarks}`));
    }
    const page = readFileSync(path.join(import.meta.dirname, '../../../docs/performance.md'), 'utf8');
    const kept = formatReport(speeds, sizes, 'systemd 257', page);
    assert.match(kept, /^## Between runs\n\n\w[^]*\n\n$/m);
    assert.doesNotMatch(kept, /Inspecting images/);
  });
});
