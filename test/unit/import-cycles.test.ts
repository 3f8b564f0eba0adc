/** No file of src/ leads back to itself through its imports; those for types alone do not count, they vanish. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';

const source = path.join(import.meta.dirname, '../../src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);
const statement = /^(?:import|export) (?!type)[^;]*?from '(\.[^']+)';/gm;

function importsOf(file: string): readonly string[] {
  const text = readFileSync(path.join(source, file), 'utf8');
  return [...text.matchAll(statement)].map((match) => path.join(path.dirname(file), match[1] ?? ''));
}

it('imports have no cycles', () => {
  assert.ok(files.length > 100);
  const graph = new Map(files.map((file) => [file, importsOf(file)]));
  const finished = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    assert.ok(!way.includes(file), `cycle: ${[...way, file].join(' -> ')}`);
    if (finished.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...way, file]);
    finished.add(file);
  };
  for (const file of files) visit(file, []);
  assert.ok([...graph.values()].flat().length > files.length, 'imports were found');
});
