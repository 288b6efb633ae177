"""Greenroom: speech models on Triton that hold the GPU only while somebody speaks."""
