/**
 * What a test started ends with it. Whatever testkit starts is registered here; `setup.ts`, which vitest loads into
 * every test file, ends it when the test ends, or with the file when it was started in a `beforeAll`. No import of
 * vitest, so that benchmarks can use testkit too: they call `cleanUp()` themselves.
 */
type Cleanup = () => void | Promise<void>;

const ofTest = new Set<Cleanup>();
const ofFile = new Set<Cleanup>();
let inTest = false;

/** Registers an ending; the function returned takes it off again, for what ended by itself. */
export function atTestEnd(cleanup: Cleanup): () => void {
  const set = inTest ? ofTest : ofFile;
  set.add(cleanup);
  return () => void set.delete(cleanup);
}

/** Called by setup.ts before each test. */
export function testBegins(): void {
  inTest = true;
}

/** Called by setup.ts after each test. */
export async function testEnds(): Promise<void> {
  inTest = false;
  await runAll(ofTest);
}

/** Ends everything that is still registered. */
export async function cleanUp(): Promise<void> {
  await runAll(ofTest);
  await runAll(ofFile);
}

/** Newest first, since what came later may lean on what was there; one failure does not keep the others. */
async function runAll(set: Set<Cleanup>): Promise<void> {
  const errors: unknown[] = [];
  for (const cleanup of [...set].reverse()) {
    set.delete(cleanup);
    try {
      await cleanup();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, 'several endings failed');
}
