/**
 * A scripted stand-in for the Gemini API: what `startScriptedModel` answers on `…:generateContent` and
 * `…:streamGenerateContent`, as JSON or as the chunks of a stream, whichever the path asks for.
 */
import { randomBytes } from 'node:crypto';
import type { ModelRequest, Reply } from '../../scripts/src/scripted-model';

type Fields = Record<string, any>;

/** An answer of the model. Each of the fields may be left out. */
export interface ScriptedContent {
  readonly text?: string;
  /** Calls behind the text; ids and signatures only where they are given, as from Gemini itself. */
  readonly calls?: readonly {
    readonly name: string;
    readonly args?: object;
    readonly id?: string;
    readonly signature?: string;
  }[];
  /** The parts themselves, instead of `text` and `calls`. */
  readonly parts?: readonly Fields[];
  readonly usage?: Fields;
  readonly finishReason?: string;
}

const someUsage = { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 };

/** An entry of LiteLLM's `model_list` that leads to the scripted model at `url`. */
export function geminiEntry(url: string, name = 'gemini'): object {
  const params = { model: 'gemini/gemini-2.5-flash', api_base: url, api_key: 'gemini-test-key' };
  return { model_name: name, litellm_params: params };
}

/** The reply to a request, in the form its path asks for. */
export function say(request: ModelRequest, content: ScriptedContent): Reply {
  const head = { modelVersion: 'gemini-2.5-flash', responseId: randomBytes(9).toString('base64url') };
  const usageMetadata = content.usage ?? someUsage;
  const finishReason = content.finishReason ?? 'STOP';
  const parts = partsIn(content);
  if (!request.path.includes(':streamGenerateContent')) {
    const candidates = [{ content: { role: 'model', parts }, finishReason, index: 0 }];
    return { json: { candidates, usageMetadata, ...head } };
  }
  return {
    stream: (out) => {
      // Real servers put \r\n\r\n between events.
      const chunk = (candidate: Fields): void =>
        out.raw(
          `data: ${JSON.stringify({ candidates: [{ ...candidate, index: 0 }], usageMetadata, ...head })}\r\n\r\n`,
        );
      for (const part of parts.flatMap(pieces)) chunk({ content: { role: 'model', parts: [part] } });
      chunk({ content: { role: 'model', parts: [{ text: '' }] }, finishReason });
    },
  };
}

/** An error as the Gemini API sends it. */
export function refuse(code: number, status: string, message: string): Reply {
  return { json: { error: { code, message, status } }, status: code };
}

/** What was asked of the model, content by content. */
export function contentsOf(request: ModelRequest | undefined): Fields[] {
  return (request?.body['contents'] ?? []) as Fields[];
}

/** Names of the functions declared in a request. */
export function toolNames(request: ModelRequest | undefined): string[] {
  const tools = (request?.body['tools'] ?? []) as { functionDeclarations?: { name: string }[] }[];
  return tools.flatMap((tool) => (tool.functionDeclarations ?? []).map((each) => each.name));
}

/** How many answers of the model stand behind the last thing that was said to it in words. */
export function roundsBehind(request: ModelRequest): number {
  const contents = contentsOf(request);
  const asked = contents.findLastIndex(
    (content) => content['role'] !== 'model' && 'text' in content['parts'][0],
  );
  return contents.slice(asked + 1).filter((content) => content['role'] === 'model').length;
}

/** The results in the last content of a request, in their order. */
export function lastResults(request: ModelRequest): string[] {
  const parts = (contentsOf(request).at(-1)?.['parts'] ?? []) as Fields[];
  return parts.flatMap((part) => {
    const response = part['functionResponse']?.response as Fields | undefined;
    return response === undefined ? [] : [String(response['output'] ?? response['error'])];
  });
}

/** What Gemini refuses: a call without its result in the very next content, results that answer no call, no parts. */
export function contentProblems(contents: readonly Fields[]): string[] {
  const named = (content: Fields | undefined, field: string): string[] =>
    ((content?.['parts'] ?? []) as Fields[]).flatMap(
      (part) => (part[field]?.name as string | undefined) ?? [],
    );
  return contents.flatMap((content, at) => {
    const calls = content['role'] === 'model' ? named(content, 'functionCall') : [];
    const results = named(contents[at + 1], 'functionResponse');
    return [
      ...(content['parts'].length === 0 ? [`contents.${at}: no parts`] : []),
      ...(content['role'] === 'model' && calls.join() !== results.join()
        ? [`contents.${at}: calls ${calls.join()} are answered by ${results.join()}`]
        : []),
    ];
  });
}

function partsIn({ text, calls, parts }: ScriptedContent): Fields[] {
  if (parts !== undefined) return [...parts];
  return [
    ...(text === undefined ? [] : [{ text }]),
    ...(calls ?? []).map(({ signature, args, ...call }) => ({
      functionCall: { ...call, args: args ?? {} },
      ...(signature === undefined ? {} : { thoughtSignature: signature }),
    })),
  ];
}

/** A part as a stream brings it: text in words, anything else whole. */
function pieces(part: Fields): Fields[] {
  if (typeof part['text'] !== 'string' || part['thoughtSignature'] !== undefined) return [part];
  return (part['text'].match(/\s*\S+\s*|\s+/g) ?? []).map((text) => ({ ...part, text }));
}
