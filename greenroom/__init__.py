"""Greenroom: models on Triton that hold the GPU only while somebody uses them."""
