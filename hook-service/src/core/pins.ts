import type { JsonObject } from './json';
import { definitionOf, partDigests } from './tool-definition-digest';
import type { HostTool } from './ports';

/** The definition that was seen first, or accepted last, of one tool. */
export interface Pin {
  readonly server: string;
  /** The tool's name at its server. */
  readonly tool: string;
  /** SHA-256 of the definition; empty where it was accepted that the tool is gone. */
  readonly digest: string;
  /** SHA-256 of each part of it. */
  readonly parts: Readonly<Record<string, string>>;
  /** When it was pinned, in ISO 8601. */
  readonly at: string;
  /** True where a person accepted it; false where it was the first one seen. */
  readonly accepted: boolean;
  /** The definition itself, to be shown beside a later one; absent where it is very large. */
  readonly definition?: JsonObject;
}

/** Where pins outlive the process. */
export interface PinStore {
  /** All pins; undefined where nothing has changed since the last time. Rejects where they cannot be read. */
  load(): Promise<readonly Pin[] | undefined>;
  /** Keeps pins; of two for one tool the one that `strongerPin` chooses stays. */
  save(pins: readonly Pin[]): Promise<void>;
}

/** A larger definition is compared, and not shown. */
const largestDefinition = 32_000;

/** Names a tool of a server. JSON, because names may hold any character. */
export function pinKey({ server, tool }: Pick<Pin, 'server' | 'tool'>): string {
  return JSON.stringify([server, tool]);
}

export function pinOf(tool: HostTool, at: Date, accepted: boolean): Pin {
  const definition = definitionOf(tool);
  return {
    server: tool.server,
    tool: tool.tool,
    digest: tool.digest ?? '',
    parts: partDigests(definition),
    at: at.toISOString(),
    accepted,
    ...(JSON.stringify(definition).length > largestDefinition ? {} : { definition }),
  };
}

/** The pin that says: it is accepted that this tool is gone. */
export function gonePin({ server, tool }: Pin, at: Date): Pin {
  return { server, tool, digest: '', parts: {}, at: at.toISOString(), accepted: true };
}

/**
 * Which of two pins for one tool counts. What a person accepted beats what was seen, the newer of two accepted ones
 * counts, and the older of two that were only seen: a replica that lost its memory must not make a changed definition
 * the first one. A tool that came back after its end was accepted is seen anew.
 */
export function strongerPin(left: Pin, right: Pin): Pin {
  if (left.accepted && right.accepted) return left.at >= right.at ? left : right;
  if (!left.accepted && !right.accepted) return left.at <= right.at ? left : right;
  const [accepted, seen] = left.accepted ? [left, right] : [right, left];
  return accepted.digest === '' && seen.at > accepted.at ? seen : accepted;
}

/** All pins of several sources, one for each tool. */
export function mergePins(...sources: (readonly Pin[])[]): Map<string, Pin> {
  const merged = new Map<string, Pin>();
  for (const pin of sources.flat()) {
    const key = pinKey(pin);
    const other = merged.get(key);
    merged.set(key, other === undefined ? pin : strongerPin(other, pin));
  }
  return merged;
}
