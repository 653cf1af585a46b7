/** The compose files as data, with the variables that docker compose itself would put in. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export const root = join(__dirname, '..', '..');
const mcp = join(root, 'mcp');

/** What the tests read of a service. */
export interface Service {
  readonly image: string;
  readonly container_name: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly env_file: readonly (string | { readonly path: string; readonly required: boolean })[];
  readonly networks: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly {
    readonly source: string;
    readonly target: string;
    readonly read_only: string;
  }[];
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly extends?: { readonly file: string; readonly service: string };
  readonly profiles?: readonly string[];
  readonly restart: string;
  readonly init: boolean;
  readonly read_only: boolean;
  readonly tmpfs: readonly string[];
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly mem_limit: string;
  readonly cpus: number;
  readonly pids_limit: number;
  readonly logging: object;
  readonly labels: object;
  readonly healthcheck: {
    readonly test: readonly string[];
    readonly interval: string;
    readonly timeout: string;
    readonly retries: number;
    readonly start_period: string;
  };
}

export interface ComposeFile {
  readonly include?: readonly string[];
  readonly services: Readonly<Record<string, Service>>;
  readonly networks?: Readonly<Record<string, object>>;
}

/** Puts in the variables `${NAME}` and `${NAME:-default}`; `$$` is a dollar. */
export function interpolate(text: string, variables: Readonly<Record<string, string>> = {}): string {
  return text.replace(
    /\$\$|\$\{([A-Z0-9_]+)(?::-([^}]*))?\}/g,
    (all, name: string | undefined, otherwise: string | undefined) => {
      if (name === undefined) return '$';
      const value = variables[name] ?? otherwise;
      if (value === undefined) throw new Error(`${all} has no value`);
      return value;
    },
  );
}

/** How every service logs: files that rotate, and in them the labels and the name by which promtail sorts lines. */
export const logging = {
  driver: 'json-file',
  options: { 'max-size': '20m', 'max-file': '5', labels: 'logging,project', tag: '{{.Name}}' },
};

/** Reads a compose file of the repository. */
export function composeFile(path: string, variables?: Readonly<Record<string, string>>): ComposeFile {
  return parse(interpolate(readFileSync(join(root, path), 'utf8'), variables), { merge: true });
}

/** The folders of the MCP servers. */
export const serverNames = readdirSync(mcp, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['kit', 'node_modules', 'dist'].includes(entry.name))
  .map(({ name }) => name);

/** The service of an MCP server. */
export function serverService(name: string, variables?: Readonly<Record<string, string>>): Service {
  const service = composeFile(`mcp/${name}/compose.yml`, variables).services[`mcp-${name}`];
  if (service === undefined) throw new Error(`mcp/${name}/compose.yml has no service mcp-${name}`);
  return service;
}

/** The variable with a server's port. */
export const portVariable = (name: string): string => `MCP_${name.toUpperCase().replaceAll('-', '_')}_PORT`;

/** What a Dockerfile of ours starts, and the port it names. */
export function imageOf(path: string): {
  readonly start: readonly string[];
  readonly port: string | undefined;
} {
  const text = readFileSync(join(root, path), 'utf8');
  const words = (instruction: string): string[] =>
    JSON.parse(new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(text)?.[1] ?? '[]') as string[];
  return {
    start: [...words('ENTRYPOINT'), ...words('CMD')],
    port: /^EXPOSE (\d+)$/m.exec(text)?.[1],
  };
}
