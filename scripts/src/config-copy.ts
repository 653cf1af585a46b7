/**
 * LiteLLM reads a copy of the operator's config, in a folder of ours: the door has to stand beside it, and its
 * entry may have to be added. The original is never touched.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isMap, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import { StartError } from './errors';
import { guardrailFile } from './paths';

export interface ConfigCopy {
  readonly path: string;
  /** True when the operator's config did not name the door and the copy does. */
  readonly guardrailAdded: boolean;
}

/** The entry that makes LiteLLM load the door (docs: litellm-hooks, "The one door that works"). */
const guardrail = {
  guardrail_name: 'toolturn',
  litellm_params: {
    guardrail: 'toolturn_guardrail.Toolturn',
    mode: ['pre_call', 'post_call'],
    default_on: 'true', // written without quotes: see the schema in parseConfig
  },
};

/** Writes the copy into `dir`, with the door and links to everything that stands beside the original. */
export function copyConfig(original: string, dir: string): ConfigCopy {
  const text = readFileSync(original, 'utf8');
  const withDoor = addGuardrail(text, original);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // Custom auth, callbacks and included files are looked up beside the config. Not the byte code: Python would
  // write into the original's folder through the link.
  const door = basename(guardrailFile);
  for (const name of readdirSync(dirname(original))) {
    if (name === basename(original) || name === door || name === '__pycache__') continue;
    symlinkSync(join(dirname(original), name), join(dir, name));
  }
  cpSync(guardrailFile, join(dir, door));
  const path = join(dir, basename(original));
  // The operator may have written a key into the file.
  writeFileSync(path, withDoor, { mode: 0o600 });
  return { path, guardrailAdded: withDoor !== text };
}

/** The config's text with the guardrail entry; the very same text when it has one. Comments and order stay. */
export function addGuardrail(text: string, file: string): string {
  const document = parseConfig(text, file);
  const guardrails = document.get('guardrails');
  if (isSeq(guardrails)) {
    if (
      guardrails.items.some(
        (item) => isMap(item) && namesTheDoor(item.getIn(['litellm_params', 'guardrail'])),
      )
    ) {
      return text;
    }
    guardrails.add(document.createNode(guardrail));
  } else if (guardrails === undefined || isEmpty(guardrails)) {
    document.set('guardrails', document.createNode([guardrail]));
  } else {
    throw new StartError(`${file}: guardrails must be a list.`);
  }
  // No line is folded: a long value stays as its author wrote it.
  return document.toString({ lineWidth: 0 });
}

/** NAME where the config says `general_settings.master_key: os.environ/NAME`. */
export function masterKeyVariable(text: string): string | undefined {
  const value = parseDocument(text, { uniqueKeys: false }).getIn(['general_settings', 'master_key']);
  return typeof value === 'string' ? /^os\.environ\/(\w+)$/.exec(value)?.[1] : undefined;
}

function parseConfig(text: string, file: string): Document {
  const lines = new LineCounter();
  // A key that stands twice is accepted, because LiteLLM's own reader accepts it (the last one counts).
  // The failsafe schema takes every value for text, so that 0755, yes or 1_000 are written as they were read.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, schema: 'failsafe' });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new StartError(`${file}:${line}:${col} is not valid YAML: ${problem.message.split('\n')[0]}`);
  }
  if (!isMap(document.contents))
    throw new StartError(`${file} is not a LiteLLM config: it must be a map of sections.`);
  return document;
}

/** `guardrails:` with nothing behind it. */
function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === 'string' && /^(|~|null)$/i.test(value));
}

function namesTheDoor(value: unknown): boolean {
  return typeof value === 'string' && /(^|\.)toolturn_guardrail\.Toolturn$/.test(value);
}
