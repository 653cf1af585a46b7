/** Values of a dashboard's variables; several values at once are what a variable with "multi" has. */
export type Variables = Readonly<Record<string, string | readonly string[]>>;

/** The fields in which the plugin puts variables in. In all others `$tool` stays `$tool`. */
const templated = ['keyName', 'query', 'field', 'filter', 'legend', 'value', 'path'] as const;

const variable = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?::(\w+))?\}/g;

/** The target with its variables put in, as Grafana's template service does. What is not known stays as it is. */
export function expanded<T extends Readonly<Record<(typeof templated)[number], string>>>(
  target: T,
  variables: Variables,
): T {
  return {
    ...target,
    ...Object.fromEntries(templated.map((field) => [field, replaced(target[field], variables)])),
  };
}

function replaced(text: string, variables: Variables): string {
  return text.replace(variable, (whole, ...groups: (string | undefined)[]) => {
    const value = variables[groups[0] ?? groups[1] ?? groups[3] ?? ''];
    if (value === undefined) return whole;
    return formatted(typeof value === 'string' ? [value] : value, groups[2] ?? groups[4] ?? 'glob');
  });
}

/** Several values are `{a,b}` unless the variable names another format: a key with that in its name is nowhere. */
function formatted(values: readonly string[], format: string): string {
  if (format === 'csv') return values.join(',');
  if (format === 'pipe') return values.join('|');
  return values.length === 1 ? (values[0] ?? '') : `{${values.join(',')}}`;
}
