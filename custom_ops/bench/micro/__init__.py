"""Generated headers on emulated Cortex-M boards: the same bits, and what a step costs."""
