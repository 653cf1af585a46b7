import { z } from 'zod';
import { ask } from './ask';
import type { LiveSettings } from './settings';
import { failed, noted, passed, type Planned } from './step';

/** Versions that the test suite runs. */
const triedVersions = ['1.77.3', '1.106.2'];
const readiness = z.object({ litellm_version: z.string() });
const modelList = z.object({ data: z.array(z.object({ id: z.string() })) });

/** LiteLLM itself: is it there, which is it, whom does it let in. `models` collects the names that the key may use. */
export function litellmSteps(settings: LiveSettings, models: string[]): readonly Planned[] {
  const { litellmUrl: url, key, timeoutMs } = settings;
  const authorized = { authorization: `Bearer ${key ?? ''}` };
  return [
    {
      id: 'litellm',
      title: 'LiteLLM answers',
      async run() {
        const answer = await ask(`${url}/health/liveliness`, { timeoutMs }).catch(() => undefined);
        if (answer?.status === 200) return passed(`${url} is alive`);
        return answer === undefined
          ? failed(
              `nobody answers at ${url}`,
              'Start LiteLLM, or name its address: --litellm-url or LITELLM_URL.',
            )
          : failed(
              `${url}/health/liveliness answers ${answer.status}`,
              'Something else listens there: name LiteLLM’s address with --litellm-url.',
            );
      },
    },
    {
      id: 'version',
      title: 'Its version',
      level: 'warning',
      needs: ['litellm'],
      async run() {
        const answer = await ask(`${url}/health/readiness`, {
          timeoutMs,
          headers: key === undefined ? {} : authorized,
        });
        const version = readiness.safeParse(answer.json).data?.litellm_version;
        if (version === undefined)
          return noted('it does not say', 'Newer versions tell it to administrators only.');
        if (triedVersions.includes(version)) return passed(version);
        return noted(
          `${version} was not tried; tried are ${triedVersions.join(' and ')}`,
          'Look at the other steps closely: hooks differ between versions.',
        );
      },
    },
    {
      id: 'open',
      title: 'Nobody gets in without a key',
      level: 'security',
      needs: ['litellm'],
      async run() {
        const { status } = await ask(`${url}/v1/models`, { timeoutMs });
        if (status === 401 || status === 403) return passed(`/v1/models without a key answers ${status}`);
        if (status === 200)
          return failed(
            '/v1/models answers without a key: the proxy is open to everybody (K2)',
            'Set general_settings.master_key: os.environ/LITELLM_MASTER_KEY, and that variable in LiteLLM’s environment.',
          );
        return failed(
          `/v1/models without a key answers ${status}, and not 401`,
          'Look at LiteLLM’s log: its check of keys fails.',
        );
      },
    },
    {
      id: 'key',
      title: 'Your key is accepted',
      needs: ['litellm'],
      async run() {
        if (key === undefined) return failed('no key is known', 'Set LITELLM_API_KEY to a key of LiteLLM.');
        const answer = await ask(`${url}/v1/models`, { timeoutMs, headers: authorized });
        if (answer.status !== 200)
          return failed(
            `LiteLLM answers ${answer.status}`,
            'Use a key of this LiteLLM; it begins with sk-. Without a database there is only the master key.',
          );
        models.push(...(modelList.safeParse(answer.json).data?.data.map(({ id }) => id) ?? []));
        const { model } = settings;
        if (model !== undefined && !models.includes(model) && models.length > 0)
          return failed(
            `the key may not use the model ${model}`,
            `It may use ${models.slice(0, 10).join(', ')}.`,
          );
        return passed(`it may use ${models.length} ${models.length === 1 ? 'model' : 'models'}`);
      },
    },
  ];
}
