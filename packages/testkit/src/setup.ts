/** Loaded by vitest into every test file (vitest.config.ts, setupFiles): ends what testkit started for a test or a file. */
import { afterAll, afterEach, beforeEach } from 'vitest';
import { cleanUp, testBegins, testEnds } from './cleanup.ts';

beforeEach(testBegins);
afterEach(testEnds);
afterAll(cleanUp);
