import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { DissectResults } from '../../bench/dissect-speeds.ts';
import { withInspections } from '../../bench/inspection-report.ts';

const results: DissectResults = {
  speeds: [{ what: 'GetImageMetadata, erofs', ratio: 0.05, limit: 0.1, met: true }],
  sizes: [{ what: 'Time', ratio: 3, limit: 2, met: false }],
  bytesRead: new Map([['erofs', { image: 4096, read: 512 }]]),
};

describe('the part of docs/performance.md about inspections', () => {
  it('is added to a page that has none, and has every figure', () => {
    const page = withInspections('# Performance\n\nText.\n', results);
    assert.ok(page.startsWith('# Performance\n\nText.\n\n## Inspecting images\n'));
    assert.match(page, /^\| GetImageMetadata, erofs \| 0\.050 \| 0\.1 \| yes \|$/m);
    assert.match(page, /^\| Time \| 3\.000 \| 2 \| \*\*no\*\* \|$/m);
    assert.match(page, /^\| erofs \| 4096 \| 512 \|$/m);
  });

  it('takes the place of the one that is there, and leaves what is before and after', () => {
    const once = withInspections('# Performance\n\nBefore.\n', results);
    assert.equal(withInspections(once, results), once);
    const more = `${once}\n## Something else\n\nAfter.\n`;
    assert.equal(withInspections(more, results), more);
  });

  it('leaves all other tables of the page alone', () => {
    const page = readFileSync(path.join(import.meta.dirname, '../../../docs/performance.md'), 'utf8');
    const rows = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('| '));
    const others = rows(page.split(/^## Inspecting images$/m)[0] ?? '');
    const written = rows(withInspections(page, results));
    assert.ok(others.length > 10);
    assert.deepEqual(written.slice(0, others.length), others);
  });
});
