// Lets the real Prisma CLI work without its native engine, which the npm registry does not hold: the WASM schema
// engine talks to Postgres through a driver adapter. `run` says which project and which database are meant.
import path from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import { defineConfig } from 'prisma/config'

const project = process.env.LOCKKEEPER_PRISMA_PROJECT
if (!project) throw new Error('Use tests/prisma/run, which names the project.')

export default defineConfig({
  experimental: { adapter: true },
  engine: 'js',
  schema: path.join(project, 'prisma/schema.prisma'),
  migrations: { path: path.join(project, 'prisma/migrations') },
  adapter: async () => new PrismaPg({ connectionString: process.env.DATABASE_URL }),
})
