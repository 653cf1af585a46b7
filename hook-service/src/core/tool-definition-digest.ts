import { canonicalDigest } from './canonical-json';
import type { JsonObject } from './json';
import type { HostTool } from './ports';

/** The parts of a definition that are compared one by one. */
export const definitionParts = ['description', 'inputSchema', 'outputSchema', 'annotations'] as const;
export type DefinitionPart = (typeof definitionParts)[number];

/** A tool's definition as its server wrote it: what a model or a client may be led by. */
export function definitionOf(tool: HostTool): JsonObject {
  return {
    name: tool.tool,
    description: tool.description,
    inputSchema: tool.inputSchema,
    outputSchema: tool.outputSchema,
    annotations: tool.annotations,
  };
}

/** SHA-256 of each part; a part that is not there has none. */
export function partDigests(definition: JsonObject): Readonly<Record<string, string>> {
  return Object.fromEntries(
    definitionParts.flatMap((part) =>
      definition[part] === undefined ? [] : [[part, canonicalDigest(definition[part])]],
    ),
  );
}

/** SHA-256 over name, description, schemas and annotations. */
export function definitionDigest(tool: HostTool): string {
  return canonicalDigest(definitionOf(tool));
}
