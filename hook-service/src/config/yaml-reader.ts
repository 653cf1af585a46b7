import { isMap, LineCounter, parseDocument } from 'yaml';
import type { Mark, Problems } from './problems';
import { type Entry, YamlWalker } from './yaml-walker';

/** A file of which only the parts that are asked for are looked into. */
export interface YamlFile {
  /** The names at its top. */
  readonly keys: readonly string[];
  /** What stands at `path` with all it holds, or undefined where there is nothing. */
  find(...path: [string, ...string[]]): Entry | undefined;
}

/**
 * Reads a config file as PyYAML would (YAML 1.1, merge keys, the last of two equal keys wins), with positions.
 * What is wrong goes to `problems`; undefined means that nothing could be read.
 */
export function readYaml(text: string, file: string, problems: Problems): YamlFile | undefined {
  const lines = new LineCounter();
  // Without tags every scalar stays text, so that yaml-scalars alone decides what it means.
  const document = parseDocument(text, {
    schema: 'failsafe',
    uniqueKeys: false,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
  });
  const markAt = (offset: number): Mark => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };

  const [broken] = document.errors;
  if (broken) {
    // The parser's later errors mostly follow from the first one.
    const at = markAt(broken.pos[0]);
    problems.error([], at, `is not valid YAML: ${broken.message}${hint(text, at.line)}`);
    return undefined;
  }
  const walker = new YamlWalker(document, markAt, problems);
  const root = document.contents;
  if (walker.isNothing(root)) {
    problems.error([], markAt(0), 'is empty; LiteLLM refuses to start with it');
    return undefined;
  }
  if (!isMap(root)) {
    problems.error(
      [],
      markAt(root?.range?.[0] ?? 0),
      'must be a map of sections such as mcp_servers: and toolturn:',
    );
    return undefined;
  }
  const pairs = walker.pairs(root, []);
  return {
    keys: [...pairs.keys()],
    find(name, ...rest) {
      let found = pairs.get(name);
      for (const [index, key] of rest.entries()) {
        const map = walker.target(found?.node ?? null);
        found = isMap(map) ? walker.pairs(map, [name, ...rest.slice(0, index)]).get(key) : undefined;
      }
      return found && { at: found.at, value: walker.value(found.node, [name, ...rest], found.at) };
    },
  };
}

/** What is most often behind a syntax error in this kind of file. */
function hint(text: string, line: number): string {
  const source = text.split('\n')[line - 1] ?? '';
  if (/[[{][^\]}"']*\$\{/.test(source)) {
    return '. "${" inside [ ] or { } starts a map; write os.environ/NAME, or put the text in quotes';
  }
  if (/^\s*\t/.test(source)) return '. Indent with spaces';
  if (/:\s+[@`%]/.test(source)) return '. Put the text in quotes';
  if (/:\s+[^"'\s].*:\s/.test(source)) return '. A text that holds ": " must stand in quotes';
  return '';
}
