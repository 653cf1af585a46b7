/**
 * Prints what the profiles in a folder say, the largest first.
 *
 *     npx ts-node bench/profile-cli.ts DIR [entries]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hottest, hottestStacks, readProfiles, type Entry } from './parts/profile';

const [, , dir = '.', most = '25'] = process.argv;
const print = (title: string, entries: readonly Entry[]): void => {
  console.log(title);
  for (const { where, share } of entries) console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${where}`);
};

for (const profile of readProfiles(dir)) {
  for (const by of ['part', 'function'] as const)
    print(`by ${by}, ${profile.samples.length} samples`, hottest(profile, by, Number(most)));
}
for (const name of readdirSync(dir).filter((each) => each.endsWith('.raw'))) {
  const text = readFileSync(join(dir, name), 'utf8');
  print(`${name}: own time`, hottestStacks(text, false, Number(most)));
  const door = hottestStacks(text, true, 10_000).filter(({ where }) => where.includes('toolturn_guardrail'));
  print(`${name}: the door, with what it calls`, door.slice(0, Number(most)));
}
