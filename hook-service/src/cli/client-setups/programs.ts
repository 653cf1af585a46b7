/** Programs with tools of their own. `tests/clients` runs the real ones with exactly these settings. */
import { lines, type ClientSetup } from './setup';

export const claudeCode: ClientSetup = {
  id: 'claude-code',
  title: 'Claude Code',
  api: 'messages',
  model: 'claude',
  notes: [
    '`ANTHROPIC_DEFAULT_HAIKU_MODEL` is asked for small things beside the conversation; any model of LiteLLM will do.',
  ],
  setup: ({ url, key, model }) => ({
    env: {
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_AUTH_TOKEN: key,
      ANTHROPIC_MODEL: model,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
    },
    ask: ['claude', '-p', '$PROMPT'],
    goOn: ['claude', '-p', '--continue', '$PROMPT'],
  }),
};

export const codex: ClientSetup = {
  id: 'codex',
  title: 'Codex CLI',
  api: 'responses',
  model: 'gpt',
  notes: [],
  setup: ({ url, key, model }) => ({
    env: { LITELLM_KEY: key },
    files: {
      '.codex/config.toml': lines(`
        model = "${model}"
        model_provider = "litellm"

        [model_providers.litellm]
        name = "LiteLLM"
        base_url = "${url}/v1"
        env_key = "LITELLM_KEY"
        wire_api = "responses"
      `),
    },
    ask: ['codex', 'exec', '$PROMPT'],
    goOn: ['codex', 'exec', 'resume', '--last', '$PROMPT'],
  }),
};

export const geminiCli: ClientSetup = {
  id: 'gemini-cli',
  title: 'Gemini CLI',
  api: 'generateContent',
  model: 'gemini',
  notes: [],
  setup: ({ url, key, model }) => ({
    env: { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: key, GEMINI_MODEL: model },
    ask: ['gemini', '-p', '$PROMPT'],
    goOn: ['gemini', '--resume', 'latest', '-p', '$PROMPT'],
  }),
};

export const programs: readonly ClientSetup[] = [claudeCode, codex, geminiCli];
