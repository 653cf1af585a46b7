/** Libraries, each as a whole program, and curl. tests/integration/surface.test.ts runs those whose packages are at hand. */
import { lines, type ClientSetup } from './setup';

const question = 'Which tools can you use?';

const openaiNode: ClientSetup = {
  id: 'openai-node',
  title: 'openai for Node',
  api: 'chat completions',
  model: 'demo',
  notes: ['`client.responses` works in the same way.'],
  setup: ({ url, key, model }) => ({
    code: {
      language: 'js',
      text: lines(`
        import OpenAI from 'openai';

        const client = new OpenAI({ baseURL: '${url}/v1', apiKey: '${key}' });
        const answer = await client.chat.completions.create({
          model: '${model}',
          messages: [{ role: 'user', content: '${question}' }],
        });
        console.log(answer.choices[0].message.content);
      `),
    },
  }),
};

const openaiPython: ClientSetup = {
  id: 'openai-python',
  title: 'openai for Python',
  api: 'chat completions',
  model: 'demo',
  notes: ['`client.responses` works in the same way.'],
  setup: ({ url, key, model }) => ({
    code: {
      language: 'python',
      text: lines(`
        from openai import OpenAI

        client = OpenAI(base_url="${url}/v1", api_key="${key}")
        answer = client.chat.completions.create(
            model="${model}",
            messages=[{"role": "user", "content": "${question}"}],
        )
        print(answer.choices[0].message.content)
      `),
    },
  }),
};

const anthropicSdk: ClientSetup = {
  id: 'anthropic-sdk',
  title: 'Anthropic SDK',
  api: 'messages',
  model: 'claude',
  notes: [],
  setup: ({ url, key, model }) => ({
    code: {
      language: 'js',
      text: lines(`
        import Anthropic from '@anthropic-ai/sdk';

        const client = new Anthropic({ baseURL: '${url}', authToken: '${key}', apiKey: null });
        const answer = await client.messages.create({
          model: '${model}',
          max_tokens: 1000,
          messages: [{ role: 'user', content: '${question}' }],
        });
        console.log(answer.content.map((block) => block.text ?? '').join(''));
      `),
    },
  }),
};

const googleGenai: ClientSetup = {
  id: 'google-genai',
  title: '@google/genai',
  api: 'generateContent',
  model: 'gemini',
  notes: [],
  setup: ({ url, key, model }) => ({
    code: {
      language: 'js',
      text: lines(`
        import { GoogleGenAI } from '@google/genai';

        const client = new GoogleGenAI({ apiKey: '${key}', httpOptions: { baseUrl: '${url}' } });
        const answer = await client.models.generateContent({ model: '${model}', contents: '${question}' });
        console.log(answer.text);
      `),
    },
  }),
};

const vercelAi: ClientSetup = {
  id: 'vercel-ai',
  title: 'Vercel AI SDK',
  api: 'chat completions',
  model: 'demo',
  notes: [
    '`@ai-sdk/openai` and `@ai-sdk/anthropic` take the same `baseURL`, `@ai-sdk/google` takes `/v1beta` in place of `/v1`.',
  ],
  setup: ({ url, key, model }) => ({
    code: {
      language: 'js',
      text: lines(`
        import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
        import { generateText } from 'ai';

        const litellm = createOpenAICompatible({ name: 'litellm', baseURL: '${url}/v1', apiKey: '${key}' });
        const { text } = await generateText({ model: litellm('${model}'), prompt: '${question}' });
        console.log(text);
      `),
    },
  }),
};

const langchainJs: ClientSetup = {
  id: 'langchain-js',
  title: 'LangChain JS',
  api: 'chat completions',
  model: 'demo',
  notes: [],
  setup: ({ url, key, model }) => ({
    code: {
      language: 'js',
      text: lines(`
        import { ChatOpenAI } from '@langchain/openai';

        const model = new ChatOpenAI({
          model: '${model}',
          apiKey: '${key}',
          configuration: { baseURL: '${url}/v1' },
        });
        const answer = await model.invoke('${question}');
        console.log(answer.content);
      `),
    },
  }),
};

const langchainPython: ClientSetup = {
  id: 'langchain-python',
  title: 'LangChain Python',
  api: 'chat completions',
  model: 'demo',
  notes: [],
  setup: ({ url, key, model }) => ({
    code: {
      language: 'python',
      text: lines(`
        from langchain_openai import ChatOpenAI

        model = ChatOpenAI(model="${model}", base_url="${url}/v1", api_key="${key}")
        print(model.invoke("${question}").content)
      `),
    },
  }),
};

const curl: ClientSetup = {
  id: 'curl',
  title: 'curl',
  api: 'chat completions',
  model: 'demo',
  notes: ['With `"stream": true` in the body and `-N`, text comes as the model writes it.'],
  setup: ({ url, key, model }) => ({
    code: {
      language: 'sh',
      text: lines(`
        curl ${url}/v1/chat/completions -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' \\
          -d '{"model": "${model}", "messages": [{"role": "user", "content": "${question}"}]}'
      `),
    },
  }),
};

export const libraries: readonly ClientSetup[] = [
  openaiNode,
  openaiPython,
  anthropicSdk,
  googleGenai,
  vercelAi,
  langchainJs,
  langchainPython,
  curl,
];
