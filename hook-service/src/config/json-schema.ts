/**
 * LiteLLM's `config.yaml` as a JSON Schema (draft 7, which editors speak): the section `toolturn:` and what is read of
 * LiteLLM's sections, from the same zod schemas that the file is checked with. LiteLLM's other keys are let through.
 */
import { z } from 'zod';
import { environmentSchema } from './environment';
import { formatDuration, textMap, texts } from './fields';
import { serverEntrySchema } from './server-entry';
import { toolturnSchema } from './toolturn-section';

/**
 * A node as zod gives it, with the notes of our own fields: `unit` and `counts` (what is counted), `range` (in words),
 * `also` (further values of a list), `short` (a shorter form of a map), `example`, `fallback` (what counts where nothing
 * is said, though the schema does not put it in) and `environment` (a value that has to come from there).
 */
export interface SchemaNode {
  readonly [key: string]: unknown;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly required?: readonly string[];
  readonly short?: SchemaNode;
  readonly also?: readonly unknown[];
  readonly unit?: string;
  readonly counts?: string;
  readonly range?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly example?: unknown;
  readonly fallback?: unknown;
  readonly environment?: boolean;
}

const notes = ['unit', 'counts', 'range', 'also', 'short', 'example', 'fallback', 'environment'];

const headerName = z
  .string()
  .optional()
  .describe('the header that carries the caller’s key, in place of `Authorization`')
  .meta({ example: 'x-litellm-key' });

/** The whole file, in zod. What is not named belongs to LiteLLM. */
const fileSchema = z.looseObject({
  toolturn: toolturnSchema.describe('settings of Toolturn; LiteLLM ignores them').optional(),
  mcp_servers: z
    .record(
      z.string().regex(/^[^-]+$/),
      z.looseObject(serverEntrySchema.shape).describe('one MCP server; other keys are LiteLLM’s'),
    )
    .describe('the MCP servers, by name; a name has no `-`')
    .optional(),
  litellm_settings: z
    .looseObject({
      mcp_aliases: textMap
        .optional()
        .describe(
          'alias: server name. LiteLLM 1.77.3 reads it and then forgets it: give the server an `alias`',
        )
        .meta({ example: { fs: 'filesystem' } }),
    })
    .optional(),
  general_settings: z.looseObject({ litellm_key_header_name: headerName }).optional(),
  include: texts
    .optional()
    .describe('files whose sections take the place of those with the same name, as in LiteLLM')
    .meta({ example: ['servers.yaml'] }),
});

/** The file as nodes with notes, for docs/config-reference.md. Defaults are as they stand in the file. */
export function annotatedConfig(): SchemaNode {
  return annotated(fileSchema);
}

/** The variables of hook-service, by name. */
export function annotatedEnvironment(): Readonly<Record<string, SchemaNode>> {
  return annotated(environmentSchema).properties ?? {};
}

function annotated(schema: z.ZodType): SchemaNode {
  return z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      if (def.type === 'prefault') delete jsonSchema.default;
      // zod leaves it out where a field is transformed, since it then belongs to what comes out.
      const value: unknown = def.type === 'default' ? def.defaultValue : jsonSchema['fallback'];
      if (value !== undefined) jsonSchema.default = asWritten(value, jsonSchema['unit']);
    },
  }) as unknown as SchemaNode;
}

/** The program counts milliseconds and seconds, the file seconds and times with their unit. */
function asWritten(value: unknown, unit: unknown): unknown {
  if (typeof value !== 'number') return value;
  if (unit === 'seconds') return value / 1000;
  return unit === 'duration' ? formatDuration(value) : value;
}

/** What docs/config.schema.json holds. */
export function configJsonSchema(): object {
  const { $schema, ...rest } = annotatedConfig();
  return {
    $schema,
    title: 'config.yaml of LiteLLM, with the section of Toolturn',
    ...plain(rest, false),
  };
}

const fromEnvironment = { type: 'string', pattern: '^os\\.environ/[A-Za-z_][A-Za-z0-9_]*$' };

/** A node without notes, in which variables may stand for values. */
function plain(node: SchemaNode, isName: boolean): Record<string, unknown> {
  const { short, also, environment } = node;
  const kept = Object.fromEntries(Object.entries(node).filter(([key]) => !notes.includes(key)));
  const inner: Record<string, unknown> = {
    ...kept,
    ...(node.properties && {
      properties: Object.fromEntries(
        Object.entries(node.properties).map(([key, value]) => [key, plain(value, false)]),
      ),
    }),
    ...(typeof node.additionalProperties === 'object' && {
      additionalProperties: plain(node.additionalProperties, false),
    }),
    ...(node.items && { items: plain(node.items, false) }),
    ...(node['propertyNames'] !== undefined && {
      propertyNames: plain(node['propertyNames'] as SchemaNode, true),
    }),
  };
  if (isEmpty(inner['default'])) delete inner['default'];
  if (node.properties !== undefined || node.type === 'object') return withShort(nothingToo(inner), short);
  const { description, default: preset, ...constraints } = inner;
  const about = {
    ...(description !== undefined && { description }),
    ...(preset !== undefined && { default: preset }),
  };
  if (environment === true) return { ...about, ...fromEnvironment };
  if (also !== undefined) {
    const { type: _type, ...rest } = constraints;
    return { ...about, anyOf: [{ ...rest, enum: [...(node.enum ?? []), ...also] }, fromEnvironment] };
  }
  if (!isName && isLimited(node)) return { ...about, anyOf: [constraints, fromEnvironment] };
  return withShort(inner, short);
}

/** Text that is more than text: a variable would not fit it. */
function isLimited({ type, ...node }: SchemaNode): boolean {
  const isText = type === 'string' || (Array.isArray(type) && type.includes('string'));
  return isText && ['enum', 'pattern', 'format'].some((key) => node[key] !== undefined);
}

/** A name with nothing after it is a map with nothing in it. */
function nothingToo(node: Record<string, unknown>): Record<string, unknown> {
  const { description, type, ...rest } = node;
  const about = description === undefined ? {} : { description };
  return { ...about, type: type === 'object' ? ['object', 'null'] : type, ...rest };
}

/** Nothing is what an editor puts in anyway. */
function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function withShort(node: Record<string, unknown>, short: SchemaNode | undefined): Record<string, unknown> {
  if (short === undefined) return node;
  const { description, ...rest } = node;
  return { ...(description !== undefined && { description }), anyOf: [short, rest] };
}
