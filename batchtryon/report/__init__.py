"""What a run leaves for people and spreadsheets: the results file, the summary, exports."""
