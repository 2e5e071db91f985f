"""The durable record of everything: who asked for what, what was sent, what it cost, what came of it."""
