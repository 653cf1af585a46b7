// For tests: what the applications have in common. argv holds one JSON object: which variant of the client, the
// model, whether to stream, the questions of one conversation in order, and the file that the application's own tool
// reads (absent: no tool). Printed is one JSON array with the answers.
import { readFile } from 'node:fs/promises';

/** `start` gets the settings and returns a function that asks one question and resolves with the answer's text. */
export async function converse(start) {
  const { variant, model, stream, prompts, note } = JSON.parse(process.argv[2]);
  const readNote = note === undefined ? undefined : () => readFile(note, 'utf8');
  const ask = start({ variant, model, stream, readNote });
  const answers = [];
  for (const prompt of prompts) answers.push(await ask(prompt));
  console.log(JSON.stringify(answers));
}
