// Prints one hash over the names and contents of the given files and folders; what is built is left out.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const hash = createHash('sha256');

function add(path) {
  if (!existsSync(path)) return;
  if (!statSync(path).isDirectory()) {
    hash.update(`${path}\0`).update(readFileSync(path)).update('\0');
    return;
  }
  for (const name of readdirSync(path).sort()) {
    if (name !== 'node_modules' && name !== 'dist') add(join(path, name));
  }
}

process.argv.slice(2).forEach(add);
console.log(hash.digest('hex'));
