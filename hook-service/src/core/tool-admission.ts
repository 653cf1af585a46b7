import { holdsHidden } from './hidden-text';
import type { HostTool, Log } from './ports';
import type { ServerConfig, ToolSettings } from './servers';
import { definitionDigest } from './tool-definition-digest';
import { withOverrides } from './tool-overrides';
import type { ToolPins } from './tool-pins';

/** Between a server's list and the catalog: pins first, then what the config says of each tool. */
export class ToolAdmission {
  private readonly warned = new Set<string>();

  constructor(
    private readonly deps: {
      readonly pins: Pick<ToolPins, 'review'>;
      readonly log: Log;
    },
  ) {}

  /** The tools of a server as they are offered. Never rejects. */
  async admit(from: ServerConfig, listed: readonly HostTool[]): Promise<readonly HostTool[]> {
    const tools = listed.map((tool) => ({ ...tool, digest: definitionDigest(tool) }));
    const { publicName: server } = from;
    const settings = from.settings?.tools ?? {};
    this.warnOfUnknown(server, tools, settings);
    const released = await this.deps.pins.review(server, tools);
    return this.withoutClashes(
      server,
      released.flatMap((tool) => {
        const own = Object.hasOwn(settings, tool.tool) ? settings[tool.tool] : undefined;
        this.warnOf(tool, own);
        return withOverrides(tool, own) ?? [];
      }),
    );
  }

  /** Which tools a server has is known when it is asked, and not when the config is read. */
  private warnOfUnknown(
    server: string,
    tools: readonly HostTool[],
    settings: Readonly<Record<string, ToolSettings>>,
  ): void {
    const names = new Set(tools.map((tool) => tool.tool));
    // An empty list is that of a server which has nothing to say yet.
    if (names.size === 0) return;
    for (const tool of Object.keys(settings).filter((name) => !names.has(name))) {
      this.warn(
        `toolturn.servers.${server}.tools.${tool} has no effect: the server lists no tool of that name`,
        server,
        tool,
      );
    }
  }

  private warnOf(tool: HostTool, settings: ToolSettings | undefined): void {
    const { server, tool: name, annotations, inputSchema, description } = tool;
    if (holdsHidden(`${description ?? ''}${JSON.stringify(inputSchema)}`)) {
      this.warn(
        `Tool ${name} of MCP server ${server} hides characters in its definition; they were taken out`,
        server,
        name,
      );
    }
    if (settings?.cacheSeconds !== undefined && annotations?.['readOnlyHint'] !== true) {
      this.warn(
        `toolturn.servers.${server}.tools.${name}.cache has no effect: the server does not call the tool read-only`,
        server,
        name,
      );
    }
  }

  /** A tool that was renamed gives way to one that has the name from its server: it keeps its own. */
  private withoutClashes(server: string, tools: readonly HostTool[]): readonly HostTool[] {
    const taken = new Set(tools.flatMap((tool) => (tool.shownAs === undefined ? [tool.tool] : [])));
    return tools.map((tool) => {
      const { shownAs, ...rest } = tool;
      if (shownAs === undefined) return tool;
      if (!taken.has(shownAs)) {
        taken.add(shownAs);
        return tool;
      }
      this.warn(
        `toolturn.servers.${server}.tools.${tool.tool}.name has no effect: the server has a tool ${shownAs}`,
        server,
        tool.tool,
      );
      return rest;
    });
  }

  private warn(message: string, server: string, tool: string): void {
    if (this.warned.has(message) || this.warned.size > 10_000) return;
    this.warned.add(message);
    this.deps.log.warn(message, { server, tool });
  }
}
