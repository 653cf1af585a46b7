import type { Rule } from '../rule';
import { textOf } from '../yaml-source';

/** Another image of LiteLLM, or the host's network. */
export const litellmImage: Rule = {
  ids: ['K86'],
  level: 'warning',
  title: 'LiteLLM runs in a form that was not tried',
  why: 'The door uses hooks that differ from version to version; the host’s network opens every inner port.',
  *find(context) {
    for (const service of context.services) {
      const image = service.get('image');
      if (image && service.isLiteLLM && !/litellm(?:-database)?:v1\.77\.3-stable(?:@|$)/.test(service.image))
        yield {
          at: image.value.at,
          message: `${service.image} is not v1.77.3-stable`,
          change: ['image: ghcr.io/berriai/litellm:v1.77.3-stable'],
        };
      if (service.isLiteLLM && service.get('build'))
        yield {
          at: service.get('build')?.at ?? service.at,
          message: 'the image is built here',
          change: ['use the released image, and mount config and door'],
        };
      const mode = service.get('network_mode');
      if (mode && textOf(mode.value) === 'host')
        yield {
          at: mode.at,
          message: `${service.name} is on the network of the host`,
          change: ['networks: [litellm-mcp-net]', 'ports: ["4000:4000"]'],
        };
    }
  },
};
