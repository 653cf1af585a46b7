import { healthOf } from '../health';
import type { Rule } from '../rule';

const right = `test: ["CMD", "python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:4000/health/liveliness', timeout=8)"]`;

/** Health checks with a program that the image lacks, or at a path that costs money. */
export const healthCommand: Rule = {
  ids: ['K38', 'K55'],
  level: 'error',
  title: 'The health check cannot work',
  why: 'The service counts as unhealthy while it works, and is restarted or waited for in vain.',
  *find(context) {
    for (const service of context.services) {
      const health = healthOf(service);
      if (health === undefined || health.isOff) continue;
      const usesCurl = /\b(?:curl|wget)\b/.test(health.text);
      if (
        service.isLiteLLM &&
        (usesCurl || /\/health(?!\/(?:liveliness|liveness|readiness))/.test(health.text))
      )
        yield {
          at: health.testAt,
          message: `${usesCurl ? 'curl is not in LiteLLM’s image' : '/health needs a key and calls every model'}; /health/liveliness needs nothing`,
          change: [right],
        };
      else if (usesCurl && /slim|python|postgres-mcp|distroless/.test(service.image))
        yield {
          id: 'K55',
          at: health.testAt,
          message: `curl is not in ${service.image}`,
          change: ['check with the language of the image: python -c …, node -e …'],
        };
    }
  },
};
