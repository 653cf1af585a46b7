import type { Config } from '../config/load';
import type { ConfigProblem } from '../config/problems';
import type { Entry } from '../config/yaml-walker';
import type { ComposeService } from './compose';
import type { EnvSource } from './env-source';
import type { TextSource } from './text-source';
import type { YamlSource } from './yaml-source';

/** All that the rules look at. */
export interface DoctorContext {
  /** LiteLLM's config and what it includes; empty where none was given. */
  readonly config: readonly YamlSource[];
  /** A section of LiteLLM's config, of the file that counts. */
  section(name: string): Entry | undefined;
  /** Everything loading the config says. */
  readonly problems: readonly ConfigProblem[];
  /** The config as hook-service runs with it; absent where it would not start. */
  readonly loaded?: Config;
  readonly envFiles: readonly EnvSource[];
  readonly compose: readonly YamlSource[];
  readonly services: readonly ComposeService[];
  /** Requests, client settings: whatever is JSON. */
  readonly json: readonly YamlSource[];
  readonly dockerfiles: readonly TextSource[];
  /** Shell scripts, SQL, pages. */
  readonly scripts: readonly TextSource[];
  /** Every file of the above. */
  readonly files: readonly TextSource[];
  /** Variables of the env files over those of this process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** False where no env file was given: then nobody can say that a variable is not set. */
  readonly envKnown: boolean;
  /** Variables that the config names and nobody knows, where env files are not known. */
  readonly unset: readonly string[];
  /** The file in which an edit is to be made. */
  source(file: string): TextSource | undefined;
  yaml(file: string): YamlSource | undefined;
}
