/** Looking after stored files: `gc` removes what nothing names, `fsck` re-hashes what the database names. */
import { wholeNumber } from '../cli.ts';
import type { Register } from '../program.ts';
import { bytes, count } from '../ui/format.ts';

const HOUR_MS = 3_600_000;

export const register: Register = (program, cli, run) => {
  const { out } = cli;
  program
    .command('gc')
    .description('remove files that nothing names, and ended runs that are older than retention allows')
    .option('--dry-run', 'only say what would be removed')
    .option('--older-than <hours>', 'only files at least this old', wholeNumber(0, 1_000_000), 24)
    .option('--json', 'print JSON')
    .action(
      run(async ({ dryRun = false, olderThan, json }: { dryRun?: boolean; olderThan: number; json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const result = await operator.gc({ dryRun, olderThanMs: olderThan * HOUR_MS });
          if (json) return out.json(result);
          const verb = dryRun ? 'would be removed' : 'removed';
          out.line(
            `${count(result.looked, 'file')} looked at; ${count(result.removed, 'file')} ${verb} (${bytes(result.bytes)}), ${count(result.runsRemoved, 'run')} past retention ${verb}`,
          );
        });
      }),
    );
  program
    .command('fsck')
    .description('re-hash every stored file against the database; exits 1 when one is missing or damaged')
    .option('--json', 'print JSON')
    .action(
      run(async ({ json = false }: { json?: boolean }) =>
        cli.withFleet(async ({ operator }) => {
          let told = Date.now();
          const result = await operator.fsck((done, total) => {
            if (json || Date.now() - told < 2_000) return;
            told = Date.now();
            out.note(`${done} of ${total}`);
          });
          if (json) out.json(result);
          else {
            for (const { uri, problem } of result.problems) out.line(`${out.paint('red', problem)}  ${uri}`);
            out.line(
              `${count(result.checked, 'file')} (${bytes(result.bytes)}) checked, ${result.problems.length === 0 ? 'all as they should be' : count(result.problems.length, 'problem')}`,
            );
          }
          return result.problems.length === 0 ? 0 : 1;
        }),
      ),
    );
};
