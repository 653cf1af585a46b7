/** A scripted model whose streams arrive cut at any byte, as a network may cut them. */
import type { Answer } from '../../scripts/src/scripted-model';
import { chatChunks, envelope, type Reply, type StreamOut } from '../../scripts/src/scripted-reply';

/** The same answers, their streams in pieces of these sizes (bytes), over and over, each sent on its own. */
export function cutStreams(answer: Answer, sizes: readonly number[]): Answer {
  return async (request, index): Promise<Reply> => {
    const reply = await answer(request, index);
    if (request.body['stream'] !== true && !request.path.includes(':stream')) return reply;
    if ('json' in reply || 'error' in reply) return reply;
    const written: string[] = [];
    const raw = (text: string | Uint8Array): void => void written.push(String(text));
    const chunk = (object: object): void => raw(`data: ${JSON.stringify(object)}\n\n`);
    if ('stream' in reply) await reply.stream({ raw, chunk } as StreamOut);
    else {
      for (const each of chatChunks(envelope(request), reply, request)) chunk(each);
      raw('data: [DONE]\n\n');
    }
    const bytes = Buffer.from(written.join(''));
    return {
      stream: async (out) => {
        for (let at = 0, n = 0; at < bytes.length; n++) {
          const size = sizes[n % sizes.length] ?? 1;
          out.raw(bytes.subarray(at, at + size));
          at += size;
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    };
  };
}
