/** The `reelfleet` command: arguments in, exit code out. */
import { runProgram } from './program.ts';

// `reelfleet ls | head` ends when head has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const exitCode = await runProgram(process.argv.slice(2));
// What was written is out first; sockets that linger must not keep a finished command.
process.stdout.write('', () => process.exit(exitCode));
