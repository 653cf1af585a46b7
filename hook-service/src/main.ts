#!/usr/bin/env node
import { Command } from 'commander';
import { addAccess } from './cli/access';
import { addApprove } from './cli/approve';
import { addAudit } from './cli/audit';
import { addBridge } from './cli/bridge';
import { addCall } from './cli/call';
import { addDoctor } from './cli/doctor';
import { addMcp } from './cli/mcp';
import { addClients } from './cli/clients';
import { addServe } from './cli/serve';
import { addTools } from './cli/tools';
import { addTop } from './cli/top';
import { addTrace } from './cli/trace';

/** Reads the command line and runs one command; each stands in a file of `cli/`. */
async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('toolturn')
    .description('Finishes the tool turns that LiteLLM leaves open.')
    .showHelpAfterError()
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  addServe(program);
  addBridge(program);
  addMcp(program);
  addClients(program);
  addTools(program);
  addAccess(program);
  addCall(program);
  addTrace(program);
  addAudit(program);
  addApprove(program);
  addTop(program);
  addDoctor(program);
  await program.parseAsync(argv);
}

void main(process.argv);
