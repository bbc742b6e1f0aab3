"""How good answers are: measures, reports and charts."""
