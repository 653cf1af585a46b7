/** Adds a server of mcp/ to the text of compose/stack.yml. Comments, order and everything else stay. */
import { isDeepStrictEqual } from 'node:util';
import { isMap, type Node } from 'yaml';
import { StartError } from './errors';
import { lastOffset, readConfigText, section, valueOf } from './install-yaml';
import { isRecord } from './json';
import { apply, column, lineEdit } from './yaml-edit';

/**
 * The stack with the service `mcp-<name>`, which the compose file at `composeFile` describes, in profiles of its own name
 * and `all`. As it is where it has that service. Throws `StartError` where no place is found.
 */
export function addStackService(text: string, file: string, name: string, composeFile: string): string {
  const service = `mcp-${name}`;
  const there = valueOf(text);
  const before = isRecord(there) ? there : {};
  const services = isRecord(before['services']) ? before['services'] : {};
  if (service in services) return text;
  const noPlace = new StartError(
    `${file}: no place was found for the service ${service}. Add it by hand: it extends ${composeFile}.`,
  );
  const value = section(readConfigText(text, file), 'services')?.value;
  if (!isMap(value) || value.flow === true || value.items.length === 0) throw noPlace;
  const first = (value.items[0]?.key as Node | undefined)?.range?.[0] ?? 0;
  const indent = ' '.repeat(column(text, first));
  const profiles = [name, 'all'];
  const lines = [
    `${indent}${service}:`,
    `${indent}  extends: { file: ${composeFile}, service: ${service} }`,
    `${indent}  profiles: [${profiles.join(', ')}]`,
  ];
  const result = apply(text, lineEdit(text, lastOffset(value, first), lines));
  const added = { extends: { file: composeFile, service }, profiles };
  if (!isDeepStrictEqual(valueOf(result), { ...before, services: { ...services, [service]: added } }))
    throw noPlace;
  return result;
}
