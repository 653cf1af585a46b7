import type { LinkEvents } from './link';
import { Routes } from './routes';
import type { Message, RpcRequest } from './rpc';

function client(): LinkEvents & { got: Message[] } {
  const got: Message[] = [];
  return { got, onMessage: (message) => void got.push(message), onFailed: () => undefined };
}

const call = (id: string | number, progressToken?: string | number): RpcRequest => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'x', ...(progressToken === undefined ? {} : { _meta: { progressToken, other: 1 } }) },
});
const progress = (progressToken: number | string) =>
  ({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } }) as const;

test('two clients with the same id each get their own answer, under that id', () => {
  const routes = new Routes();
  const [one, other] = [client(), client()];
  const [first, second] = [routes.add(one, call('1')), routes.add(other, call('1'))];
  expect(first.id).not.toBe(second.id);
  routes.answer({ jsonrpc: '2.0', id: second.id, result: { of: 'other' } });
  routes.answer({ jsonrpc: '2.0', id: first.id, result: { of: 'one' } });
  expect(one.got).toEqual([{ jsonrpc: '2.0', id: '1', result: { of: 'one' } }]);
  expect(other.got).toEqual([{ jsonrpc: '2.0', id: '1', result: { of: 'other' } }]);
});

test('progress reaches the call it is about, under the token of its client', () => {
  const routes = new Routes();
  const [one, other] = [client(), client()];
  const first = routes.add(one, call(1, 'token'));
  const second = routes.add(other, call(1, 'token'));
  const tokenOf = (request: RpcRequest) =>
    (request.params?.['_meta'] as { progressToken: number }).progressToken;
  expect(second.params?.['_meta']).toMatchObject({ other: 1 });
  expect(routes.notify(progress(tokenOf(second)))).toBe(true);
  expect([one.got, other.got]).toEqual([[], [progress('token')]]);
  routes.answer({ jsonrpc: '2.0', id: first.id, result: {} });
  routes.notify(progress(tokenOf(first)));
  expect(one.got).toHaveLength(1);
});

test('a subscription keeps the id of its client in what it is told', () => {
  const routes = new Routes();
  const one = client();
  const { id } = routes.add(one, { jsonrpc: '2.0', id: 'sub', method: 'subscriptions/listen', params: {} });
  const key = 'io.modelcontextprotocol/subscriptionId';
  const news = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' } as const;
  expect(routes.notify({ ...news, params: { _meta: { [key]: String(id) } } })).toBe(true);
  expect(one.got).toEqual([{ ...news, params: { _meta: { [key]: 'sub' } } }]);
  expect(routes.notify(news)).toBe(false);
});

test('what was taken back gets no answer any more, and nobody can take back what another asked', () => {
  const routes = new Routes();
  const [one, other] = [client(), client()];
  const { id } = routes.add(one, call(7));
  expect(routes.take(other, 7)).toBeUndefined();
  expect(routes.take(one, '7')).toBeUndefined();
  expect(routes.take(one, 7)).toBe(id);
  routes.answer({ jsonrpc: '2.0', id, result: {} });
  expect([one.got, routes.size]).toEqual([[], 0]);
});
