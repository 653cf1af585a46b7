import type { Rule } from '../rule';
import { namesOf } from '../compose';
import { entriesOf, textOf } from '../yaml-source';

const own = /^(?:TOOLTURN_URL|LITELLM_URL|LITELLM_API_URL|TOOLTURN_MCP_URL|PROXY_BASE_URL|LITELLM_BASE_URL)$/;

/** A proxy or a public name in front of a stack that is for the LAN. */
export const hardRules: Rule = {
  ids: ['K76', 'K77'],
  level: 'error',
  title: 'The stack is for the LAN: direct ports and plain HTTP',
  why: 'A proxy in front buffers streams, adds a second login, and puts tools with side effects on the internet.',
  *find(context) {
    for (const source of context.compose)
      for (const [name, entry] of entriesOf(source.get('networks')?.value))
        if (
          /traefik|keycloak|oauth2?[-_]proxy/i.test(
            `${name} ${textOf(entriesOf(entry.value).get('name')?.value) ?? ''}`,
          )
        )
          yield {
            at: entry.at,
            message: `the network ${name} belongs to a proxy`,
            change: ['take it out; clients use port 4000'],
          };
    for (const service of context.services) {
      const labels = service.get('labels');
      if (labels && namesOf(labels.value).some((label) => label.startsWith('traefik.')))
        yield {
          at: labels.at,
          message: `${service.name} has labels for Traefik`,
          change: ['take them out; clients use port 4000'],
        };
      if (/traefik|keycloak|oauth2-proxy|authelia|authentik/i.test(service.image))
        yield {
          at: service.at,
          message: `${service.name} is a proxy or a login`,
          change: ['take it out; clients use port 4000 with a key'],
        };
    }
    const values = [
      ...context.envFiles.flatMap(({ variables }) => variables),
      ...context.services.flatMap(({ environment }) => environment),
    ];
    for (const { name, value, at } of values)
      if (own.test(name) && value.startsWith('https://'))
        yield {
          id: 'K77',
          at,
          message: `${name} is an https address`,
          change: [`${name}=http://<lan-host>:4000`],
        };
  },
};
