import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The suites of whole fleets take longest: begun first, none of them is left to run alone at the end. */
class FleetsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isFleet = ({ moduleId }: TestSpecification) => moduleId.startsWith(join(import.meta.dirname, 'tests/'));
    return [...sorted.filter(isFleet), ...sorted.filter((file) => !isFleet(file))];
  }
}

export default defineConfig({
  test: {
    include: ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'tests/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'bench/**'],
    // One Postgres cluster for the run; what testkit starts ends with its test.
    globalSetup: ['packages/testkit/src/global-setup.ts'],
    setupFiles: ['packages/testkit/src/setup.ts'],
    // Processes, since tests kill, freeze and trace processes; two, since ffmpeg and Postgres want the CPU as well.
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: FleetsFirst },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // The processes that tests start need not compile the same files over and over.
    env: { NODE_ENV: 'test', NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/node') },
  },
});
