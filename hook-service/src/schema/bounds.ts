/** What a schema may be made of. Beyond this it is not compiled: a server could send one that takes minutes. */
const bounds = { depth: 64, values: 20_000, characters: 200_000 };

/** Why a schema is too big to be compiled; undefined where it is not. Takes time linear in its size, and no stack. */
export function tooBig(schema: unknown): string | undefined {
  let level: unknown[] = [schema];
  let values = 0;
  let characters = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > bounds.depth) return `it is nested deeper than ${bounds.depth} levels`;
    const below: unknown[] = [];
    for (const value of level) {
      values += 1;
      if (typeof value === 'string') characters += value.length;
      if (typeof value !== 'object' || value === null) continue;
      for (const [name, inner] of Object.entries(value)) {
        characters += name.length;
        below.push(inner);
      }
    }
    if (values + below.length > bounds.values) return `it has more than ${bounds.values} parts`;
    if (characters > bounds.characters) return `it has more than ${bounds.characters} characters`;
    level = below;
  }
  return undefined;
}
