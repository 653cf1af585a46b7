import type { Rule } from '../rule';
import { adminRole } from './admin-role';
import { aliases } from './aliases';
import { clientBase } from './client-base';
import { clientHeader } from './client-header';
import { clientKey } from './client-key';
import { composeCommand } from './compose-command';
import { composeVariables } from './compose-variables';
import { composeVersion } from './compose-version';
import { databaseUrlSection } from './database-url-section';
import { debug } from './debug';
import { dockerSocket } from './docker-socket';
import { dockerfile } from './dockerfile';
import { door } from './door';
import { dsnArgument } from './dsn-argument';
import { dsnPassword } from './dsn-password';
import { duplicateKey } from './duplicate-key';
import { encoding } from './encoding';
import { envNumber } from './env-number';
import { fileMode } from './file-mode';
import { githubToken } from './github-token';
import { hardRules } from './hard-rules';
import { healthCommand } from './health-command';
import { healthDisabled } from './health-disabled';
import { hostGateway } from './host-gateway';
import { keyGrants } from './key-grants';
import { keyPrefix } from './key-prefix';
import { listVariable } from './list-variable';
import { litellmImage } from './litellm-image';
import { literalVariable } from './literal-variable';
import { localhost } from './localhost';
import { masterKey } from './master-key';
import { modelProvider } from './model-provider';
import { networks } from './networks';
import { noDatabase } from './no-database';
import { portAgreement } from './port-agreement';
import { ports } from './ports';
import { postgresMcpFlags } from './postgres-mcp-flags';
import { postgresMcpHealth } from './postgres-mcp-health';
import { postgresMcpWrite } from './postgres-mcp-write';
import { requestInput } from './request-input';
import { requestTools } from './request-tools';
import { retiredModel } from './retired-model';
import { scriptEndpoints } from './script-endpoints';
import { scriptNetworks } from './script-networks';
import { serverApiKeys } from './server-api-keys';
import { serverName } from './server-name';
import { serviceCare } from './service-care';
import { sharedSecret } from './shared-secret';
import { sidecarKeys } from './sidecar-keys';
import { spendQuery } from './spend-query';
import { stdioInContainer } from './stdio-in-container';
import { transportPath } from './transport-path';
import { unknownSection } from './unknown-section';
import { unpinned } from './unpinned';
import { unsharedNetwork } from './unshared-network';
import { urlPath } from './url-path';
import { writtenSecret } from './written-secret';
import { yamlSyntax } from './yaml-syntax';
import { yamlWords } from './yaml-words';

/** Every rule, by the number of its mistake. */
export const rules: readonly Rule[] = [
  literalVariable,
  masterKey,
  yamlSyntax,
  unknownSection,
  serverApiKeys,
  sidecarKeys,
  aliases,
  door,
  modelProvider,
  requestTools,
  scriptEndpoints,
  spendQuery,
  requestInput,
  keyPrefix,
  noDatabase,
  databaseUrlSection,
  debug,
  postgresMcpWrite,
  postgresMcpFlags,
  postgresMcpHealth,
  healthDisabled,
  urlPath,
  githubToken,
  listVariable,
  envNumber,
  serverName,
  clientHeader,
  healthCommand,
  duplicateKey,
  localhost,
  hostGateway,
  stdioInContainer,
  dockerSocket,
  transportPath,
  dockerfile,
  unpinned,
  networks,
  scriptNetworks,
  unsharedNetwork,
  composeVariables,
  dsnArgument,
  dsnPassword,
  sharedSecret,
  writtenSecret,
  composeVersion,
  composeCommand,
  serviceCare,
  portAgreement,
  ports,
  hardRules,
  adminRole,
  litellmImage,
  clientBase,
  clientKey,
  encoding,
  retiredModel,
  yamlWords,
  keyGrants,
  fileMode,
];
