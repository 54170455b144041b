import { defineConfig } from 'drizzle-kit';

// Only `generate` is used: it writes SQL into drizzle/ for people to read. Applying it is `reelfleet migrate`'s work.
export default defineConfig({
  dialect: 'postgresql',
  schema: './packages/db/src/schema/index.ts',
  out: './drizzle',
});
