/** The sample servers' tools among others: 500 in all, the same every time. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostTool } from '../../hook-service/src/core/ports';

/** The tools that the sample servers list (names, descriptions and parameters as they are). */
function sampleTools(): HostTool[] {
  return readFileSync(join(__dirname, 'sample-tools.tsv'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [server = '', tool = '', description = '', parameters = ''] = line.split('\t');
      return { server, tool, description, inputSchema: schemaOf(parameters) };
    });
}

function schemaOf(parameters: string): HostTool['inputSchema'] {
  const all = parameters
    .split(' ')
    .filter((parameter) => parameter !== '')
    .map((parameter) => {
      const [name = '', type = 'string'] = parameter.split(':');
      return { name: name.replace('*', ''), type, required: name.endsWith('*') };
    });
  return {
    type: 'object',
    properties: Object.fromEntries(all.map(({ name, type }) => [name, { type }])),
    required: all.filter(({ required }) => required).map(({ name }) => name),
  };
}

/** Services as companies use them, each with the things it holds. */
const services: Readonly<Record<string, string>> = {
  slack: 'channel message reaction user_group',
  jira: 'issue sprint board epic',
  gmail: 'email draft label thread',
  calendar: 'event reminder availability',
  stripe: 'customer invoice payment refund',
  salesforce: 'lead opportunity account contact',
  notion: 'page database block comment',
  gitlab: 'merge_request pipeline project',
  zendesk: 'ticket macro user',
  shopify: 'product order collection',
  aws: 'instance bucket function alarm',
  kubernetes: 'pod deployment service namespace',
  sentry: 'project release error_event',
  mongodb: 'collection document index',
  dropbox: 'file folder shared_link',
  confluence: 'space page attachment',
  airtable: 'base table record',
  spotify: 'playlist track album',
};

const verbs: Readonly<Record<string, (thing: string, service: string) => string>> = {
  create: (thing, service) => `Create a new ${thing} in ${service}`,
  get: (thing, service) => `Get the details of a specific ${thing} in ${service}`,
  list: (thing, service) => `List all ${thing}s in ${service} with filtering and pagination`,
  update: (thing, service) => `Update an existing ${thing} in ${service}`,
  delete: (thing, service) => `Delete a ${thing} from ${service}. This cannot be undone.`,
  search: (thing, service) => `Search for ${thing}s in ${service} by text`,
};

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

function otherTools(): HostTool[] {
  return Object.entries(services).flatMap(([server, things]) =>
    things.split(' ').flatMap((thing) =>
      Object.entries(verbs).map(([verb, describe]) => ({
        server,
        tool: verb === 'list' || verb === 'search' ? `${verb}_${thing}s` : `${verb}_${thing}`,
        description: describe(thing.replace('_', ' '), capital(server)),
        inputSchema: schemaOf(verb === 'search' ? 'query*:string limit:integer' : `${thing}_id*:string`),
      })),
    ),
  );
}

/** A catalog of `count` tools: those of the sample servers, and others of a plausible kind around them. */
export function sampleCatalog(count = 500): HostTool[] {
  const real = sampleTools();
  const others = otherTools().slice(0, count - real.length);
  if (real.length + others.length !== count) throw new Error(`There are no ${count} sample tools`);
  return [...real, ...others];
}
