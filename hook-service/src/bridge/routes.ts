import type { JsonObject } from '../core/json';
import { isJsonObject } from '../core/json';
import type { LinkEvents } from './link';
import { idKey, metaOf, type Id, type RpcAnswer, type RpcNotification, type RpcRequest } from './rpc';

/** Where the answer to a request over a shared child goes. */
export interface Route {
  readonly owner: LinkEvents;
  /** The client's own id and progress token. */
  readonly id: Id;
  readonly token?: Id;
}

const subscriptionKey = 'io.modelcontextprotocol/subscriptionId';

/**
 * The requests under way at a shared child. Clients choose their ids and progress tokens as they like, so each
 * request goes out under a number of ours, and what comes back for it gets the client's own again.
 */
export class Routes {
  private readonly byNumber = new Map<number, Route>();
  private last = 0;

  get size(): number {
    return this.byNumber.size;
  }

  countOf(owner: LinkEvents): number {
    let count = 0;
    for (const route of this.byNumber.values()) if (route.owner === owner) count += 1;
    return count;
  }

  /** The request as the child gets it. */
  add(owner: LinkEvents, request: RpcRequest): RpcRequest {
    const number = (this.last += 1);
    const meta = metaOf(request);
    const token = meta?.['progressToken'];
    const hasToken = typeof token === 'string' || typeof token === 'number';
    this.byNumber.set(number, { owner, id: request.id, ...(hasToken && { token }) });
    const params =
      hasToken && request.params !== undefined
        ? { params: { ...request.params, _meta: { ...meta, progressToken: number } } }
        : {};
    return { ...request, id: number, ...params };
  }

  /** The number of the owner's request; it is forgotten, so that a late answer finds nobody. */
  take(owner: LinkEvents, id: Id): number | undefined {
    for (const [number, route] of this.byNumber) {
      if (route.owner !== owner || idKey(route.id) !== idKey(id)) continue;
      this.byNumber.delete(number);
      return number;
    }
    return undefined;
  }

  /** Forgets all of the owner's requests, or of everybody, and tells which they were. */
  takeAll(owner?: LinkEvents): { number: number; route: Route }[] {
    const taken = [...this.byNumber]
      .filter(([, route]) => owner === undefined || route.owner === owner)
      .map(([number, route]) => ({ number, route }));
    for (const { number } of taken) this.byNumber.delete(number);
    return taken;
  }

  /** The only request there is, where there is one only. */
  single(): Route | undefined {
    return this.byNumber.size === 1 ? [...this.byNumber.values()][0] : undefined;
  }

  answer(answer: RpcAnswer): void {
    const route = typeof answer.id === 'number' ? this.byNumber.get(answer.id) : undefined;
    if (route === undefined) return;
    this.byNumber.delete(answer.id as number);
    const own = { ...answer, id: route.id };
    route.owner.onMessage(own.result === undefined ? own : { ...own, result: restored(own.result, route) });
  }

  /** Delivers a notification that names a request of ours, with the client's own token or id. False: it names none. */
  notify(message: RpcNotification): boolean {
    const params = message.params;
    if (params === undefined) return false;
    if (message.method === 'notifications/progress') {
      const route = this.get(params['progressToken']);
      if (route?.token !== undefined) {
        route.owner.onMessage({ ...message, params: { ...params, progressToken: route.token } });
      }
      return true;
    }
    const meta = metaOf(message);
    if (meta?.[subscriptionKey] === undefined) return false;
    const route = this.get(meta[subscriptionKey]);
    if (route !== undefined) {
      const own = { ...params, _meta: { ...meta, [subscriptionKey]: route.id } };
      route.owner.onMessage({ ...message, params: own });
    }
    return true;
  }

  private get(number: unknown): Route | undefined {
    // Servers may write the id of a subscription as text.
    const key = typeof number === 'string' && /^\d{1,15}$/.test(number) ? Number(number) : number;
    return typeof key === 'number' ? this.byNumber.get(key) : undefined;
  }
}

/** The end of a subscription names it once more. */
function restored(result: JsonObject, route: Route): JsonObject {
  const meta = result['_meta'];
  if (!isJsonObject(meta) || meta[subscriptionKey] === undefined) return result;
  return { ...result, _meta: { ...meta, [subscriptionKey]: route.id } };
}
