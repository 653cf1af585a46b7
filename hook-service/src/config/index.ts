export { type Environment, EnvironmentInvalid, readEnvironment } from './environment';
export { type Config, loadConfig, type LoadedConfig, type LoadOptions } from './load';
export { ConfigInvalid, type ConfigProblem, formatProblem } from './problems';
export { type LogLevel, toolturnSchema } from './toolturn-section';
