import { z } from 'zod';
import type { OAuthSettings } from '../core/servers';
import { filledText, texts } from './fields';

const address = filledText.refine(isHttp, {
  error: 'must be a complete address that begins with https:// or http://',
});

const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

const shape = {
  client_id: filledText.describe('who Toolturn is there').meta({ example: 'toolturn' }),
  client_secret: filledText
    .optional()
    .describe('this or `private_key`')
    .meta({ example: 'os.environ/CRM_CLIENT_SECRET' }),
  private_key: filledText
    .optional()
    .describe('PEM (PKCS #8), in place of `client_secret`')
    .meta({ example: 'os.environ/CRM_PRIVATE_KEY' }),
  algorithm: z
    .enum(algorithms, { error: `must be one of ${algorithms.join(', ')}` })
    .optional()
    .describe('JWS algorithm of `private_key`')
    .meta({ example: 'ES256' }),
  token_url: address
    .optional()
    .describe('where tokens are asked for; without it, found out from the server')
    .meta({ example: 'http://auth:8080/token' }),
  token_endpoint_auth_method: z
    .enum(['client_secret_basic', 'client_secret_post'], {
      error: 'must be client_secret_basic or client_secret_post',
    })
    .optional()
    .describe('how the secret is sent to `token_url`')
    .meta({ fallback: 'client_secret_basic' }),
  issuer: address
    .optional()
    .describe(
      'the only authorization server that gets the credentials; without it the first one that the server names',
    )
    .meta({ example: 'http://auth:8080' }),
  scopes: texts
    .optional()
    .describe('without it those the server asks for')
    .meta({ example: ['tools.read'] }),
};

export const oauthKeys: readonly string[] = Object.keys(shape);

/** `toolturn.servers.<name>.oauth`: the names are those of newer versions of LiteLLM. */
export const oauthSchema = z
  .strictObject(shape, { error: 'must be a map with client_id and client_secret' })
  .refine((oauth) => (oauth.client_secret === undefined) !== (oauth.private_key === undefined), {
    error: 'needs either client_secret: or private_key:',
  })
  .refine((oauth) => oauth.private_key === undefined || oauth.algorithm !== undefined, {
    error: 'needs algorithm: with private_key:, such as RS256 or ES256',
  })
  .meta({ oneOf: [{ required: ['client_secret'] }, { required: ['private_key', 'algorithm'] }] })
  .transform((oauth): OAuthSettings => ({
    clientId: oauth.client_id,
    ...(oauth.client_secret !== undefined && { clientSecret: oauth.client_secret }),
    ...(oauth.private_key !== undefined && { privateKey: oauth.private_key }),
    ...(oauth.algorithm !== undefined && { algorithm: oauth.algorithm }),
    ...(oauth.token_url !== undefined && { tokenUrl: oauth.token_url }),
    ...(oauth.token_endpoint_auth_method !== undefined && { authMethod: oauth.token_endpoint_auth_method }),
    ...(oauth.issuer !== undefined && { issuer: oauth.issuer }),
    ...(oauth.scopes !== undefined && { scopes: oauth.scopes }),
  }));

function isHttp(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
