/** A directory tree in lines, to compare what was there before with what is there after. */
import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';

/** One line per entry below `root`: path, mode, owner, and content or link target; sorted by path. */
export function snapshot(root: string): readonly string[] {
  const lines: string[] = [];
  const visit = (inside: string): void => {
    const at = path.join(root, inside);
    const st = lstatSync(at);
    const facts = `${inside} ${st.mode.toString(8)} ${st.uid}:${st.gid}`;
    if (st.isSymbolicLink()) lines.push(`${facts} -> ${readlinkSync(at)}`);
    else if (st.isFile()) lines.push(`${facts} ${JSON.stringify(readFileSync(at, 'latin1'))}`);
    else lines.push(facts);
    if (st.isDirectory()) for (const name of readdirSync(at).sort()) visit(path.join(inside, name));
  };
  visit('/');
  return lines;
}
