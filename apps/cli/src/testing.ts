/** For tests: a command line in this process, through the same door as the real command; a process each takes a second each. */
import { Writable } from 'node:stream';
import { openCli } from './cli.ts';
import { runProgram } from './program.ts';
import { openOutput } from './ui/output.ts';

export interface Said {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Run it with these settings and nothing of this process's own environment. */
export async function runHere(args: readonly string[], env: Record<string, string | undefined>): Promise<Said> {
  const [stdout, stderr] = [collector(), collector()];
  const exitCode = await runProgram(args, openCli(env, openOutput(stdout.stream, stderr.stream)));
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

function collector() {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  }) as unknown as NodeJS.WriteStream & { fd: 2 };
  return { stream, text: () => text };
}
