import type { ServerFeatures } from './features';
import { maskedValue, type Mask } from './result-safety';

/** What servers have beside tools, without what no model may read. */
export function maskedFeatures(features: ServerFeatures, mask: Mask): ServerFeatures {
  return {
    list: async (...asked) => maskedValue(mask, [...(await features.list(...asked))]),
    async ask(request) {
      const answer = await features.ask(request);
      if ('result' in answer) return { result: maskedValue(mask, answer.result) };
      return { error: { ...answer.error, message: mask(answer.error.message) } };
    },
    instructions(server) {
      const text = features.instructions(server);
      return text === undefined ? undefined : mask(text);
    },
  };
}
