import { asText, type JsonObject } from '../core/json';
import type { LinkEvents } from './link';
import type { RpcNotification, RpcRequest } from './rpc';

/** Log levels of MCP, the most talkative first. */
const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** What each client of a shared child wants to hear: resources it subscribed to, and logs from its level on. */
export class Subscriptions {
  private readonly resources = new Map<string, Set<LinkEvents>>();
  private readonly levelOf = new Map<LinkEvents, number>();

  /** Notes what a request asks for. Returns what the server must be sent for it; `known`: nothing. */
  request(from: LinkEvents, request: RpcRequest): RpcRequest | 'known' {
    const uri = request.params?.['uri'];
    if (request.method === 'resources/subscribe' && typeof uri === 'string') {
      const subscribed = this.resources.get(uri);
      if (subscribed === undefined) this.resources.set(uri, new Set([from]));
      else subscribed.add(from);
      return request;
    }
    if (request.method === 'resources/unsubscribe' && typeof uri === 'string') {
      return this.drop(uri, from) ? request : 'known';
    }
    if (request.method === 'logging/setLevel') {
      const level = levels.indexOf(asText(request.params?.['level']));
      if (level === -1) return request;
      this.levelOf.set(from, level);
      return { ...request, params: { ...request.params, level: levels[this.lowest()] } };
    }
    return request;
  }

  /** Whether a notification for everybody is for this client. */
  wants(client: LinkEvents, { method, params }: RpcNotification): boolean {
    if (method === 'notifications/resources/updated') {
      return this.resources.get(asText(params?.['uri']))?.has(client) === true;
    }
    if (method !== 'notifications/message') return true;
    const least = this.levelOf.get(client);
    return least === undefined || levels.indexOf(asText(params?.['level'])) >= least;
  }

  /** Forgets a client. Returns what the server must be told for that. */
  leave(client: LinkEvents): { method: string; params: JsonObject }[] {
    this.levelOf.delete(client);
    return [...this.resources.keys()]
      .filter((uri) => this.resources.get(uri)?.has(client) === true && this.drop(uri, client))
      .map((uri) => ({ method: 'resources/unsubscribe', params: { uri } }));
  }

  /** What a server that was started again has to be told. */
  all(): { method: string; params: JsonObject }[] {
    const resources = [...this.resources.keys()].map((uri) => ({
      method: 'resources/subscribe',
      params: { uri },
    }));
    if (this.levelOf.size === 0) return resources;
    return [...resources, { method: 'logging/setLevel', params: { level: levels[this.lowest()] } }];
  }

  /** True where this was the last client that wanted the resource. */
  private drop(uri: string, client: LinkEvents): boolean {
    const subscribed = this.resources.get(uri);
    subscribed?.delete(client);
    if (subscribed !== undefined && subscribed.size > 0) return false;
    this.resources.delete(uri);
    return true;
  }

  private lowest(): number {
    return Math.min(...this.levelOf.values());
  }
}
